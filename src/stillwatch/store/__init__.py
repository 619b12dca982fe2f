"""What has been read already, and what was made of it; kept between runs."""
