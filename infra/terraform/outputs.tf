output "settings" {
  description = "infra/kubernetes/overlays/aws/settings.env"
  value       = <<-EOT
    SHOP_BUCKET=${aws_s3_bucket.shop.id}
    SHOP_KAFKA_BOOTSTRAP=${aws_msk_cluster.shop.bootstrap_brokers_sasl_scram}
    SHOP_KAFKA_PROTOCOL=SASL_SSL
    SHOP_KAFKA_USERNAME=shop
    SHOP_KAFKA_PASSWORD_FILE=/etc/shop/connections/kafka-password
    SHOP_REDIS_ADDRESS=${aws_elasticache_replication_group.shop.primary_endpoint_address}:6379
    SHOP_STREAM_SNAPSHOT_PATH=s3://${aws_s3_bucket.shop.id}/snapshots
    SHOP_PREDICTIONS_PATH=s3://${aws_s3_bucket.shop.id}/predictions
    SHOP_HISTORY_ROOT=s3://${aws_s3_bucket.shop.id}
    AWS_REGION=${var.region}
  EOT
}

output "kafka_login" {
  description = "Secret with username and password of the programs at Kafka."
  value       = aws_secretsmanager_secret.kafka.name
}

output "images" {
  description = "Repositories of the images, by program."
  value       = { for name, repository in aws_ecr_repository.image : name => repository.repository_url }
}

output "cluster" {
  description = "For `aws eks update-kubeconfig --name`."
  value       = aws_eks_cluster.shop.name
}

output "shared_folder" {
  description = "File system of the storage class `efs`."
  value       = aws_efs_file_system.shop.id
}
