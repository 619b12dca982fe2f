"""The page that shows a results folder."""
