"""The console: pages and an API in which a team works on campaigns and leads. It computes no finding."""
