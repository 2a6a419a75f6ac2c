using Blast;

return await BlastCommand.Create().Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = BlastRun.Grace * 2 });
