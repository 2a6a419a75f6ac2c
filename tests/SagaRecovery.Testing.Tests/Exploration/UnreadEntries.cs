using SagaRecovery.Fencing;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The entries in the inbox of one process that no drain has read yet.</summary>
internal sealed class UnreadEntries
{
    private readonly List<int> _words = [];
    private readonly List<int> _startOfLease = [];
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

    public void NoteCancelled(int saga, AdoptGeneration generation) => _words.Add(300 + (saga * 10) + (int)generation.Value);

    public void NoteEnded(int saga, AdoptGeneration generation) => _words.Add(400 + (saga * 10) + (int)generation.Value);

    /// <summary>Marks all entries as read.</summary>
    /// <returns>The number of announcements among the entries.</returns>
    public int Drain()
    {
        int announced = _announced;
        _words.Clear();
        _announced = 0;
        return announced;
    }

    public void AddTo(Fingerprint fingerprint) => fingerprint.Add(_words);
}
