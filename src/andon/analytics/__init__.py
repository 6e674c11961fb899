"""What history and live state say about where the plant is going."""
