"""What the device tells the fleet."""
