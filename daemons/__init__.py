"""What programs that run until they are stopped have in common: /metrics and /health, and how they are told to end. Imports nothing of ours."""
