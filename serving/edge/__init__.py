"""What lies between the socket and the routes: bounds, headers, logs, traces, the end."""
