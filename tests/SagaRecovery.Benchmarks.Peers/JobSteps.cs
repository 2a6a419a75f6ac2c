namespace SagaRecovery.Benchmarks.Peers;

/// <summary>The user code of all jobs: two steps that do nothing but note their entry. The second waits at a gate. Thread-safe.</summary>
/// <param name="jobs">The number of jobs, which are numbered from 0.</param>
/// <param name="isGateOpen">False to let second steps wait forever.</param>
public sealed class JobSteps(int jobs, bool isGateOpen)
{
    private readonly Task _gate = isGateOpen ? Task.CompletedTask : new TaskCompletionSource().Task;

    /// <summary>The number of jobs.</summary>
    public int Jobs => jobs;

    public bool IsGateOpen => isGateOpen;

    public JobEntries First { get; } = new(jobs);

    public JobEntries Second { get; } = new(jobs);

    public void RunFirst(int job) => First.Note(job);

    public Task RunSecondAsync(int job)
    {
        Second.Note(job);
        return _gate;
    }
}
