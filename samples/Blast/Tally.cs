namespace Blast;

/// <summary>Counts the results of the requests so far. Thread-safe.</summary>
internal sealed class Tally(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private long _started;
    private long _done;
    private long _failed;
    private string? _lastError;

    public Counts Now => new(
        time.GetElapsedTime(_began), Interlocked.Read(ref _started), Interlocked.Read(ref _done), Interlocked.Read(ref _failed));

    public void Started() => Interlocked.Increment(ref _started);

    public void Done() => Interlocked.Increment(ref _done);

    public void Failed(string error)
    {
        Interlocked.Increment(ref _failed);
        Volatile.Write(ref _lastError, error);
    }

    /// <summary>Returns and clears the last failure, formatted as the end of a progress line.</summary>
    public string TakeLastError() => Interlocked.Exchange(ref _lastError, value: null) is { } error ? $"  last failure: {error}" : "";

    internal readonly record struct Counts(TimeSpan Elapsed, long Started, long Done, long Failed);
}
