"""What moorline asks of each database driver, and what it knows of its errors."""
