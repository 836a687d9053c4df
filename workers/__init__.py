"""What follows a commit and the clock. Changes tickets only through their verbs."""
