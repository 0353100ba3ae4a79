# What Prometheus in the cluster cannot see: the managed servers themselves. What the programs tell is in infra/prometheus.
resource "aws_sns_topic" "alarms" {
  name              = "${local.full}-alarms"
  kms_master_key_id = aws_kms_key.shop.arn
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = toset(var.alarm_topic_emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  # One alarm per broker or node where AWS tells a figure of each.
  brokers = { for i in range(1, local.size.zones + 1) : "broker-${i}" => { "Cluster Name" = local.full, "Broker ID" = tostring(i) } }
  stores  = { for i in range(1, local.size.redis_replicas + 2) : "redis-${i}" => { CacheClusterId = format("%s-%03d", local.full, i) } }

  watched = merge(
    { for name, of in local.brokers : "${name}-disk" => { space = "AWS/Kafka", metric = "KafkaDataLogsDiskUsed", above = 80, of = of } },
    { for name, of in local.brokers : "${name}-cpu" => { space = "AWS/Kafka", metric = "CpuUser", above = 60, of = of } },
    { for name, of in local.stores : "${name}-memory" => { space = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", above = 75, of = of } },
    { for name, of in local.stores : "${name}-cpu" => { space = "AWS/ElastiCache", metric = "EngineCPUUtilization", above = 80, of = of } },
    { for name, of in local.stores : "${name}-evictions" => { space = "AWS/ElastiCache", metric = "Evictions", above = 0, of = of } },
    { kafka-offline = { space = "AWS/Kafka", metric = "OfflinePartitionsCount", above = 0, of = { "Cluster Name" = local.full } } },
  )
}

resource "aws_cloudwatch_metric_alarm" "server" {
  for_each = local.watched

  alarm_name          = "${local.full}-${each.key}"
  alarm_description   = "${each.value.metric} above ${each.value.above} for 10 minutes; see docs/aws.md"
  namespace           = each.value.space
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
