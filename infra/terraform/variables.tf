variable "name" {
  description = "What everything is called after."
  type        = string
  default     = "feast-shop"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "name is 3 to 21 small letters, digits and hyphens, and begins with a letter; it is part of names of buckets and clusters."
  }
}

variable "environment" {
  description = "Which of several: part of all names, so that they can share an account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment is 2 to 10 small letters and digits, such as dev or prod."
  }
}

variable "size" {
  description = "small, medium or large: see sizes.tf for what each has, docs/aws.md for what it costs."
  type        = string

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "size is small, medium or large."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}-[a-z]+-[0-9]$", var.region))
    error_message = "region looks like eu-central-1."
  }
}

variable "network" {
  description = "Addresses of the VPC; subnets are cut from it."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.network, 0)) && try(tonumber(split("/", var.network)[1]) <= 18, false)
    error_message = "network is a CIDR of at most 18 bits, such as 10.40.0.0/16: six subnets are cut from it."
  }
}

variable "kubernetes_version" {
  description = "Of the EKS cluster; infra/kubernetes is held against the schemas of 1.34."
  type        = string
  default     = "1.34"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version)) && try(tonumber(split(".", var.kubernetes_version)[1]) >= 32, false)
    error_message = "kubernetes_version is 1.32 or newer."
  }
}

variable "operators" {
  description = "Networks from which the Kubernetes API may be reached; without any it is reached from the VPC alone."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.operators : can(cidrhost(one, 0)) && one != "0.0.0.0/0"])
    error_message = "operators are CIDRs such as 203.0.113.0/24, and not the whole internet."
  }
}

variable "alarm_topic_emails" {
  description = "Who gets CloudWatch's alarms by mail; each confirms once."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.alarm_topic_emails : can(regex("^[^@ ]+@[^@ ]+$", one))])
    error_message = "alarm_topic_emails are addresses of mail."
  }
}

variable "archive_to_cheaper_storage_days" {
  description = "After how many days files of the archive move to Glacier Instant Retrieval; trainings read the last weeks."
  type        = number
  default     = 180

  validation {
    condition     = var.archive_to_cheaper_storage_days >= 90
    error_message = "archive_to_cheaper_storage_days is at least 90: a materialize may reach back that far."
  }
}
