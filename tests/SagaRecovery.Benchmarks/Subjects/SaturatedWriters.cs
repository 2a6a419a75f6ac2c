using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// Writers that append as fast as they can, until they are disposed. One whose write is refused waits for the ownership that has taken
/// the place of its own, and continues with that. Thread-safe.
/// </summary>
internal sealed class SaturatedWriters : IAsyncDisposable
{
    private readonly ISagaLog _log;
    private readonly Task _writing;
    private readonly int _writers;
    private Term _term;
    private volatile bool _stops;
    private long _writes;

    private SaturatedWriters(ISagaLog log, IReadOnlyList<WriterEntries> entries, Ownership ownership)
    {
        _log = log;
        _writers = entries.Count;
        _term = new Term(ownership, _writers);
        _writing = Task.WhenAll(entries.Select(one => Task.Run(() => WriteAsync(one, _term))));
    }

    /// <summary>The number of writes that were committed so far.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Starts them, and returns when each writes.</summary>
    public static async Task<SaturatedWriters> StartAsync(ISagaLog log, IReadOnlyList<WriterEntries> entries, Ownership ownership)
    {
        var writers = new SaturatedWriters(log, entries, ownership);
        await writers.AllWriteAsync();
        return writers;
    }

    /// <summary>Gives the writers another ownership, and returns when each writes with it.</summary>
    public async Task ContinueAsync(Ownership ownership)
    {
        var next = new Term(ownership, _writers);
        _term.Next.SetResult(next);
        _term = next;
        await AllWriteAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _stops = true;
        _term.Next.SetResult(null);
        await _writing;
    }

    private async Task AllWriteAsync()
    {
        if (_writers > 0)
        {
            await await Task.WhenAny(_term.AllWrite, _writing); // a writer that fails ends the wait
        }
    }

    private async Task WriteAsync(WriterEntries entries, Term first)
    {
        for (Term? term = first; term is not null; term = await term.Next.Task)
        {
            int written = 0;
            while (!_stops && await TryWriteAsync(entries, term.Ownership))
            {
                Interlocked.Increment(ref _writes);
                term.NoteWrite(++written);
            }
        }
    }

    private async Task<bool> TryWriteAsync(WriterEntries entries, Ownership ownership)
    {
        try
        {
            IReadOnlyList<bool> written = await _log.AppendAsync(ownership.Member, entries.Next(ownership.Generation), CancellationToken.None);
            return written.All(one => one);
        }
        catch (CoordinatorFencedException)
        {
            return false;
        }
    }

    /// <summary>The time from one change of the ownership to the next.</summary>
    private sealed class Term(Ownership ownership, int writers)
    {
        /// <summary>The number of writes after which a writer has reached its full speed.</summary>
        private const int WritesOfASettledWriter = 3;

        private readonly TaskCompletionSource _allWrite = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _unsettled = writers;

        public Ownership Ownership { get; } = ownership;

        public Task AllWrite => _allWrite.Task;

        /// <summary>Null: no further ownership, the writers stop.</summary>
        public TaskCompletionSource<Term?> Next { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void NoteWrite(int writes)
        {
            if (writes == WritesOfASettledWriter && Interlocked.Decrement(ref _unsettled) == 0)
            {
                _allWrite.SetResult();
            }
        }
    }
}
