# What an environment of each size has; docs/aws.md tells what it costs and what it is for.
locals {
  sizes = {
    small = {
      zones             = 2
      gateways          = 1
      kafka_type        = "kafka.t3.small"
      kafka_disk_gib    = 50
      redis_type        = "cache.t4g.medium"
      redis_replicas    = 1
      node_types        = ["m7i.large"]
      nodes             = { min = 3, max = 5 }
      log_days          = 30
      deletion_guard    = false
      snapshots_of_days = 1
    }
    medium = {
      zones             = 3
      gateways          = 1
      kafka_type        = "kafka.m7g.large"
      kafka_disk_gib    = 250
      redis_type        = "cache.r7g.large"
      redis_replicas    = 1
      node_types        = ["m7i.xlarge"]
      nodes             = { min = 3, max = 8 }
      log_days          = 90
      deletion_guard    = true
      snapshots_of_days = 7
    }
    large = {
      zones             = 3
      gateways          = 3
      kafka_type        = "kafka.m7g.2xlarge"
      kafka_disk_gib    = 1000
      redis_type        = "cache.r7g.2xlarge"
      redis_replicas    = 2
      node_types        = ["m7i.2xlarge"]
      nodes             = { min = 4, max = 20 }
      log_days          = 365
      deletion_guard    = true
      snapshots_of_days = 14
    }
  }

  size = local.sizes[var.size]
  full = "${var.name}-${var.environment}"
}
