# Kafka and Redis, reached from the cluster's nodes and pods alone.
locals {
  # Port by server; Kafka's is the one with TLS and a login (SASL/SCRAM).
  servers = { kafka = 9096, redis = 6379, efs = 2049 }
}

resource "aws_security_group" "server" {
  for_each = local.servers

  name        = "${local.full}-${each.key}"
  description = "${each.key} of ${local.full}, for pods of the cluster"
  vpc_id      = aws_vpc.shop.id
}

resource "aws_vpc_security_group_ingress_rule" "server" {
  for_each = local.servers

  security_group_id            = aws_security_group.server[each.key].id
  description                  = "Pods of the cluster"
  referenced_security_group_id = aws_eks_cluster.shop.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_msk_configuration" "shop" {
  name           = local.full
  kafka_versions = ["3.9.x"]

  # Topics are created by `python -m infra.topics`, with their partitions and retention.
  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=${local.size.zones}
    min.insync.replicas=${max(1, local.size.zones - 1)}
    unclean.leader.election.enable=false
    group.initial.rebalance.delay.ms=0
  EOT
}

resource "aws_msk_cluster" "shop" {
  cluster_name           = local.full
  kafka_version          = "3.9.x"
  number_of_broker_nodes = local.size.zones
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"

  broker_node_group_info {
    instance_type   = local.size.kafka_type
    client_subnets  = [for subnet in aws_subnet.private : subnet.id]
    security_groups = [aws_security_group.server["kafka"].id]

    storage_info {
      ebs_storage_info {
        volume_size = local.size.kafka_disk_gib
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.shop.arn
    revision = aws_msk_configuration.shop.latest_revision
  }

  client_authentication {
    unauthenticated = false

    sasl {
      scram = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.shop.arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.kafka.name
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "kafka" {
  name              = "/${local.full}/kafka"
  retention_in_days = local.size.log_days
  kms_key_id        = aws_kms_key.shop.arn
}

resource "aws_elasticache_subnet_group" "shop" {
  name       = local.full
  subnet_ids = [for subnet in aws_subnet.private : subnet.id]
}

resource "aws_elasticache_parameter_group" "shop" {
  name   = local.full
  family = "valkey8"

  # A feature that was put out is a wrong answer; the alarm on memory comes first.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "shop" {
  # checkov:skip=CKV_AWS_31:TLS it has; who reaches it is said by the security group, a password would be one more secret
  replication_group_id       = local.full
  description                = "Online store of ${local.full}"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = local.size.redis_type
  num_cache_clusters         = 1 + local.size.redis_replicas
  automatic_failover_enabled = true
  multi_az_enabled           = true
  parameter_group_name       = aws_elasticache_parameter_group.shop.name
  subnet_group_name          = aws_elasticache_subnet_group.shop.name
  security_group_ids         = [aws_security_group.server["redis"].id]
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.shop.arn
  transit_encryption_enabled = true
  snapshot_retention_limit   = local.size.snapshots_of_days
}
