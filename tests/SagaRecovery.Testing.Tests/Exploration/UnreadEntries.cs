using SagaRecovery.Fencing;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The entries in the inbox of one process that no drain has read yet.</summary>
internal sealed class UnreadEntries
{
    private readonly List<int> _words = [];
    private readonly List<int> _startOfLease = [];
    private readonly List<(int Saga, AdoptGeneration Generation, bool IsInterruption)> _ends = [];
    private int _announced;

    /// <summary>The start of each lease of this process, in the order of their numbers.</summary>
    public IReadOnlyList<int> StartOfLease => _startOfLease;

    public void NoteAnnounced(int start)
    {
        _startOfLease.Add(start);
        _announced++;
        _words.Add(start);
    }

    public void NoteCreated(int start) => _words.Add(100 + start);

    public void NoteWithdrawn(int start) => _words.Add(200 + start);

    public void NoteInterrupted(int saga, AdoptGeneration generation)
    {
        _words.Add(300 + (saga * 10) + (int)generation.Value);
        _ends.Add((saga, generation, IsInterruption: true));
    }

    public void NoteEnded(int saga, AdoptGeneration generation)
    {
        _words.Add(400 + (saga * 10) + (int)generation.Value);
        _ends.Add((saga, generation, IsInterruption: false));
    }

    /// <summary>Marks all entries as read, and adds them to what a pass must report.</summary>
    /// <param name="watch">The pass.</param>
    /// <param name="recovered">The recoveries that count, by saga. Those whose runs are over are removed.</param>
    public void DrainInto(PassWatch watch, IDictionary<int, AdoptGeneration> recovered)
    {
        watch.Announced += _announced;
        foreach ((int saga, AdoptGeneration generation, bool isInterruption) in _ends)
        {
            bool counted = recovered.TryGetValue(saga, out AdoptGeneration at) && at.Value <= generation.Value && recovered.Remove(saga);
            watch.FailedRuns += isInterruption ? 1 : 0;
            watch.TakenBack += isInterruption && counted ? 1 : 0;
        }

        _words.Clear();
        _ends.Clear();
        _announced = 0;
    }

    public void AddTo(Fingerprint fingerprint) => fingerprint.Add(_words);
}
