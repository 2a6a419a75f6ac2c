using Xunit.Sdk;
using Xunit.v3;

// whatever measures needs the machine for itself
[assembly: Parallelization(Mode = ParallelMode.None)]
