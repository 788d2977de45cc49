"""What a training is made of: plan, schedule, optimizer, augmentation, checkpoints."""
