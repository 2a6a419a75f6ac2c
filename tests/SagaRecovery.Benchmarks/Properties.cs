// whatever measures needs the machine for itself
[assembly: CollectionBehavior(DisableTestParallelization = true)]
