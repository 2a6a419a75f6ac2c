// each scenario measures itself against deadlines and needs the machine for itself
[assembly: CollectionBehavior(DisableTestParallelization = true)]
