using SagaRecovery.Benchmarks;
using SagaRecovery.Benchmarks.Subjects;

return args switch
{
    [SubjectProcess.Verb, var subject, .. var task] => await SubjectProcess.RunInsideAsync(subject, SubjectTask.Parse(task)),
    _ => await BenchmarksCommand.Create().Parse(args).InvokeAsync(),
};
