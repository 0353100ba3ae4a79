# Who may do what: services of AWS, nodes, and each program no more than what it reads and writes.
locals {
  # Prefixes of the bucket by service account of infra/kubernetes/base/accounts.yaml.
  programs = {
    api    = { read = ["registry.db"], write = [] }
    stream = { read = ["registry.db", "tables/*"], write = ["archive/*", "predictions/*", "snapshots/*", "tables/*"] }
    jobs   = { read = ["registry.db"], write = ["registry.db", "archive/*", "predictions/*", "tables/*"] }
  }
}

data "aws_iam_policy_document" "of_service" {
  for_each = { cluster = "eks.amazonaws.com", nodes = "ec2.amazonaws.com", flows = "vpc-flow-logs.amazonaws.com" }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

data "aws_iam_policy_document" "of_pod" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${local.full}-cluster"
  assume_role_policy = data.aws_iam_policy_document.of_service["cluster"].json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_iam_role" "nodes" {
  name               = "${local.full}-nodes"
  assume_role_policy = data.aws_iam_policy_document.of_service["nodes"].json
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"])

  role       = aws_iam_role.nodes.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_iam_role" "flows" {
  name               = "${local.full}-flows"
  assume_role_policy = data.aws_iam_policy_document.of_service["flows"].json
}

resource "aws_iam_role_policy" "flows" {
  role = aws_iam_role.flows.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = "${aws_cloudwatch_log_group.flows.arn}:*"
    }]
  })
}

# The drivers of volumes make an access point or a disk for each claim.
locals {
  drivers = {
    efs = { account = "efs-csi-controller-sa", policy = "service-role/AmazonEFSCSIDriverPolicy" }
    ebs = { account = "ebs-csi-controller-sa", policy = "service-role/AmazonEBSCSIDriverPolicy" }
  }
}

resource "aws_iam_role" "driver" {
  for_each = local.drivers

  name               = "${local.full}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.of_pod.json
}

resource "aws_iam_role_policy_attachment" "driver" {
  for_each = local.drivers

  role       = aws_iam_role.driver[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value.policy}"
}

resource "aws_eks_pod_identity_association" "driver" {
  for_each = local.drivers

  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "kube-system"
  service_account = each.value.account
  role_arn        = aws_iam_role.driver[each.key].arn
}

resource "aws_iam_role" "program" {
  for_each = local.programs

  name               = "${local.full}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.of_pod.json
}

resource "aws_eks_pod_identity_association" "program" {
  for_each = local.programs

  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "feast-shop"
  service_account = each.key
  role_arn        = aws_iam_role.program[each.key].arn
}

data "aws_iam_policy_document" "program" {
  for_each = local.programs

  statement {
    sid       = "Find"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [aws_s3_bucket.shop.arn]
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for prefix in distinct(concat(each.value.read, each.value.write)) : "${aws_s3_bucket.shop.arn}/${prefix}"]
  }

  dynamic "statement" {
    for_each = length(each.value.write) > 0 ? [each.value.write] : []

    content {
      sid       = "Write"
      actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
      resources = [for prefix in statement.value : "${aws_s3_bucket.shop.arn}/${prefix}"]
    }
  }

  statement {
    sid       = "Decrypt"
    actions   = length(each.value.write) > 0 ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
    resources = [aws_kms_key.shop.arn]
  }
}

resource "aws_iam_role_policy" "program" {
  for_each = local.programs

  name   = "bucket"
  role   = aws_iam_role.program[each.key].id
  policy = data.aws_iam_policy_document.program[each.key].json
}
