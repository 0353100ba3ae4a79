# The programs' login at Kafka. The password is made while it is applied and is in the secret alone: neither in the state nor
# in a plan. To change it count `secret_string_wo_version` up, apply, and make the secret of the cluster anew.
ephemeral "random_password" "kafka" {
  length  = 48
  special = false
}

resource "aws_secretsmanager_secret" "kafka" {
  # checkov:skip=CKV2_AWS_57:programs are told the password when they start, so whoever changes it restarts them
  # MSK takes secrets of such a name only, encrypted with a key of one's own.
  name        = "AmazonMSK_${local.full}"
  description = "Login of the programs of ${local.full} at Kafka"
  kms_key_id  = aws_kms_key.shop.arn
}

resource "aws_secretsmanager_secret_version" "kafka" {
  secret_id                = aws_secretsmanager_secret.kafka.id
  secret_string_wo         = jsonencode({ username = "shop", password = ephemeral.random_password.kafka.result })
  secret_string_wo_version = 1
}

resource "aws_secretsmanager_secret_policy" "kafka" {
  secret_arn = aws_secretsmanager_secret.kafka.arn
  policy     = data.aws_iam_policy_document.kafka_login.json
}

data "aws_iam_policy_document" "kafka_login" {
  statement {
    sid       = "BrokersCheckLogins"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.kafka.arn]

    principals {
      type        = "Service"
      identifiers = ["kafka.amazonaws.com"]
    }
  }
}

resource "aws_msk_single_scram_secret_association" "shop" {
  cluster_arn = aws_msk_cluster.shop.arn
  secret_arn  = aws_secretsmanager_secret.kafka.arn

  depends_on = [aws_secretsmanager_secret_version.kafka, aws_secretsmanager_secret_policy.kafka]
}
