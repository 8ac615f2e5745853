"""Study of the published 3D patch network: its training, its accuracy, and what the rest would cost."""
