"""What every signal shows right now, and its last hour and day."""
