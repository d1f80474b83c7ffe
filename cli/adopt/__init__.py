"""`nexus adopt`: what exists already under the declared names is taken over, and never made again."""
