using SagaRecovery.Benchmarks;
using SagaRecovery.Benchmarks.Subjects;
using Xunit.Runner.InProc.SystemConsole;

return args switch
{
    ["@@", ..] => await ConsoleRunner.Run(args), // dotnet test starts this program to run its tests
    [SubjectProcess.Verb, var subject, .. var task] => await SubjectProcess.RunInsideAsync(subject, SubjectTask.Parse(task)),
    _ => await BenchmarksCommand.Create().Parse(args).InvokeAsync(),
};
