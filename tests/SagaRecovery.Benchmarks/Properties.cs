using Xunit.Sdk;
using Xunit.v3;

// a measurement needs the machine for itself
[assembly: Parallelization(Mode = ParallelMode.None)]
