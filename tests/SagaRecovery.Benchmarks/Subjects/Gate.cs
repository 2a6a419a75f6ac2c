using System.Diagnostics;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Blocks user code until it may continue, and records when it was last entered. Thread-safe.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _enteredAt;

    /// <summary>The time stamp at which user code last entered.</summary>
    public long EnteredAt => Volatile.Read(ref _enteredAt);

    public Task PassAsync()
    {
        Volatile.Write(ref _enteredAt, Stopwatch.GetTimestamp());
        return _open.Task;
    }

    public void Open() => _open.SetResult();
}
