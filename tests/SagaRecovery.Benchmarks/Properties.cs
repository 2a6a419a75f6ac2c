// a measurement needs the machine for itself
[assembly: CollectionBehavior(DisableTestParallelization = true)]
