"""The two runners of flows. They perform steps and decide nothing."""
