"""What runs on the far side: in the zygote and in its forks. It is all light; parsers come by preloading."""
