"""What is watched, as data: service level objectives and dashboards, written out for Prometheus and Grafana."""
