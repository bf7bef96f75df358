"""What runs say: metrics, differences, spread, chance, the report beside them. Without torch."""
