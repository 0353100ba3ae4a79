# The bucket has archive, tables, prediction log, snapshots and registry; the shared folder has models and reports.
resource "aws_s3_bucket" "shop" {
  # checkov:skip=CKV_AWS_18:programs are the only readers, and CloudTrail tells who else reads where an account has it
  # checkov:skip=CKV_AWS_144:another region is a decision about where data of customers may be
  # checkov:skip=CKV2_AWS_62:nothing waits for new files
  bucket = "${local.full}-${data.aws_caller_identity.here.account_id}"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "shop" {
  bucket = aws_s3_bucket.shop.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "shop" {
  bucket = aws_s3_bucket.shop.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "shop" {
  bucket = aws_s3_bucket.shop.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.shop.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "shop" {
  bucket = aws_s3_bucket.shop.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {
      prefix = "archive/"
    }

    transition {
      days          = var.archive_to_cheaper_storage_days
      storage_class = "GLACIER_IR"
    }
  }

  # What was replaced (joined files, erased people) is gone for good after a week.
  rule {
    id     = "replaced"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "shop" {
  bucket = aws_s3_bucket.shop.id
  policy = data.aws_iam_policy_document.bucket.json
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.shop.arn, "${aws_s3_bucket.shop.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_efs_file_system" "shop" {
  encrypted       = true
  kms_key_id      = aws_kms_key.shop.arn
  throughput_mode = "elastic"

  tags = { Name = local.full }
}

resource "aws_efs_backup_policy" "shop" {
  file_system_id = aws_efs_file_system.shop.id

  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_efs_mount_target" "shop" {
  for_each = aws_subnet.private

  file_system_id  = aws_efs_file_system.shop.id
  subnet_id       = each.value.id
  security_groups = [aws_security_group.server["efs"].id]
}

resource "aws_ecr_repository" "image" {
  for_each = toset(["api", "stream", "jobs"])

  name                 = "${local.full}/${each.key}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.shop.arn
  }
}

resource "aws_ecr_lifecycle_policy" "image" {
  for_each = aws_ecr_repository.image

  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last 30 releases can be gone back to."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}
