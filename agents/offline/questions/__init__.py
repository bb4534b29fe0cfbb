"""What is asked that is no order: dishes, an order on its way, other people, the time of day."""
