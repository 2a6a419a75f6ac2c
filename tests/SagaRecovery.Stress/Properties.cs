using Xunit.v3;

// each scenario has its own server and processes, and measures itself against deadlines: no more at once than two cores bear
[assembly: Parallelization(MaxThreads = 2)]
