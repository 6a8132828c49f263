"""Speed, side by side with peers; never a timed unit test."""
