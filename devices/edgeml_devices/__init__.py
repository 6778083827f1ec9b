"""What runs where the fleet is operated: broker, publish, monitor."""
