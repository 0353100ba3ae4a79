# Everything that holds data is in private subnets; public ones have the load balancer and the gateways to the internet.
data "aws_availability_zones" "here" {
  # checkov:skip=CKV_AWS_394:only the first two or three are taken, in the order of their names
  state = "available"
}

data "aws_caller_identity" "here" {}

locals {
  zones   = slice(data.aws_availability_zones.here.names, 0, local.size.zones)
  public  = { for i, zone in local.zones : zone => cidrsubnet(var.network, 4, i) }
  private = { for i, zone in local.zones : zone => cidrsubnet(var.network, 4, i + 8) }
  # With fewer gateways than zones, the first one serves those without.
  gateway_of = { for i, zone in local.zones : zone => local.zones[min(i, local.size.gateways - 1)] }
}

resource "aws_vpc" "shop" {
  cidr_block           = var.network
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.full }
}

# Nothing uses it, so it lets nothing through.
resource "aws_default_security_group" "unused" {
  vpc_id = aws_vpc.shop.id
}

resource "aws_subnet" "public" {
  for_each = local.public

  vpc_id            = aws_vpc.shop.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = { Name = "${local.full}-public-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "private" {
  for_each = local.private

  vpc_id            = aws_vpc.shop.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = { Name = "${local.full}-private-${each.key}", "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_internet_gateway" "shop" {
  vpc_id = aws_vpc.shop.id

  tags = { Name = local.full }
}

resource "aws_eip" "gateway" {
  for_each = toset(values(local.gateway_of))

  domain = "vpc"

  tags = { Name = "${local.full}-${each.key}" }
}

resource "aws_nat_gateway" "shop" {
  for_each = aws_eip.gateway

  allocation_id = each.value.id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${local.full}-${each.key}" }

  depends_on = [aws_internet_gateway.shop]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.shop.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.shop.id
  }

  tags = { Name = "${local.full}-public" }
}

resource "aws_route_table" "private" {
  for_each = local.private

  vpc_id = aws_vpc.shop.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.shop[local.gateway_of[each.key]].id
  }

  tags = { Name = "${local.full}-private-${each.key}" }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

# The archive does not pay the gateway's price for every byte.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.shop.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]

  tags = { Name = "${local.full}-s3" }
}

resource "aws_flow_log" "shop" {
  vpc_id          = aws_vpc.shop.id
  traffic_type    = "REJECT"
  log_destination = aws_cloudwatch_log_group.flows.arn
  iam_role_arn    = aws_iam_role.flows.arn
}

resource "aws_cloudwatch_log_group" "flows" {
  name              = "/${local.full}/flows"
  retention_in_days = local.size.log_days
  kms_key_id        = aws_kms_key.shop.arn
}
