"""What a run of any size needs: the scale model, its limits, prices, and the estimate."""
