using System.Numerics;

namespace SagaRecovery.Executor.Progress;

/// <summary>A set of nodes that returns them in the order of their ids. A bitmap: a saga has few nodes, or takes few of them at a time. Not thread-safe.</summary>
/// <param name="nodes">The number of nodes of the saga.</param>
internal sealed class NodeSet(int nodes)
{
    private const int BitsPerWord = 64;

    private readonly ulong[] _words = new ulong[(nodes + BitsPerWord - 1) / BitsPerWord];

    public void Add(int node) => _words[node / BitsPerWord] |= 1UL << (node % BitsPerWord);

    public void AddAll()
    {
        for (int node = 0; node < nodes; node++)
        {
            Add(node);
        }
    }

    /// <summary>Removes and returns the node with the lowest id; -1 if the set is empty.</summary>
    public int TakeLowest()
    {
        for (int word = 0; word < _words.Length; word++)
        {
            if (_words[word] != 0)
            {
                return Take(word, BitOperations.TrailingZeroCount(_words[word]));
            }
        }

        return -1;
    }

    /// <summary>Removes and returns the node with the highest id; -1 if the set is empty.</summary>
    public int TakeHighest()
    {
        for (int word = _words.Length - 1; word >= 0; word--)
        {
            if (_words[word] != 0)
            {
                return Take(word, BitOperations.Log2(_words[word]));
            }
        }

        return -1;
    }

    private int Take(int word, int bit)
    {
        _words[word] &= ~(1UL << bit);
        return (word * BitsPerWord) + bit;
    }
}
