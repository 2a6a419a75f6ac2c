using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Core.Tests.Bookkeeping;

public class SagaTableTests
{
    private readonly SagaTable<long> _table = new();
    private readonly Dictionary<SagaId, long> _dictionary = [];

    [Theory]
    [InlineData(1, 20, 2_000)] // around the first growth, with all ids in use
    [InlineData(2, 400, 20_000)]
    [InlineData(3, 3_000, 60_000)] // several blocks
    public void A_table_holds_what_a_dictionary_holds_after_each_of_many_random_changes(int seed, int sagas, int changes)
    {
        var random = new Random(seed);
        SagaId[] ids = [.. Enumerable.Range(0, sagas).Select(_ => RandomId(random))];
        int additions = 0; // of 10 changes: the table grows and shrinks in turns

        for (int change = 0; change < changes; change++)
        {
            additions = change % (changes / 8) == 0 ? random.Next(2, 9) : additions;
            SagaId id = ids[random.Next(ids.Length)];
            if (random.Next(10) < additions)
            {
                Set(id, change);
            }
            else
            {
                _table.Remove(id).Should().Be(_dictionary.Remove(id));
            }

            Read(id).Should().Be(Expected(id));
            if (change % (changes / 100) == 0)
            {
                HoldsTheSame(ids);
            }
        }

        HoldsTheSame(ids);
    }

    /// <summary>The hash of a Guid is the exclusive or of its four parts: these ids all have the same.</summary>
    [Fact]
    public void Sagas_of_one_hash_are_distinct_and_none_is_lost_when_another_is_removed()
    {
        SagaId[] ids = [.. Enumerable.Range(1, 40).Select(number => IdOf(number, 0, 0, number))];
        ids.Select(id => id.Value.GetHashCode()).Distinct().Should().ContainSingle();
        for (int i = 0; i < ids.Length; i += 2)
        {
            Set(ids[i], i);
        }

        HoldsTheSame(ids);
        foreach (SagaId id in ids.Reverse())
        {
            _table.Remove(id).Should().Be(_dictionary.Remove(id));
            HoldsTheSame(ids);
        }
    }

    /// <summary>A search passes all slots in use up to the next free one.</summary>
    [Fact]
    public void Sagas_whose_ids_differ_in_high_or_in_low_bits_only_are_spread_over_the_slots()
    {
        for (int i = 1; i <= 100_000; i++)
        {
            _table.GetOrAdd(IdOf(i << 12, 0, 0, 0), out _) = i;
            _table.GetOrAdd(IdOf(0, 0, 0, i), out _) = i;
        }

        _table.Count.Should().Be(200_000);
        LongestRunOfUsedSlots().Should().BeLessThan(200, "it is about 50 if the slots are chosen at random");
    }

    [Fact]
    public void An_entry_that_takes_the_place_of_a_removed_one_is_found_there()
    {
        SagaId[] ids = [.. Enumerable.Range(1, 3).Select(number => IdOf(number, 0, 0, 0))];
        Array.ForEach(ids, id => Set(id, 1));

        _table.Remove(ids[0]);

        _table.IdAt(0).Should().Be(ids[2]);
        _table.Find(ids[2]) = 7;
        _table.At(0).Should().Be(7);
    }

    [Fact]
    public void A_saga_that_comes_back_has_none_of_its_old_state()
    {
        SagaId id = IdOf(1, 2, 3, 4);
        Set(id, 5);
        _table.Remove(id);

        _table.GetOrAdd(id, out bool known).Should().Be(0);
        known.Should().BeFalse();
    }

    private static SagaId RandomId(Random random) => random.Next(3) == 0
        ? IdOf(random.Next(4), random.Next(4), random.Next(4), random.Next()) // ids with a common part
        : IdOf(random.Next(), random.Next(), random.Next(), random.Next());

    private static SagaId IdOf(params ReadOnlySpan<int> parts) => new(new Guid(MemoryMarshal.AsBytes(parts)));

    private void Set(SagaId id, long state)
    {
        _table.GetOrAdd(id, out bool known) = state;
        known.Should().Be(_dictionary.ContainsKey(id));
        _dictionary[id] = state;
    }

    private long? Read(SagaId id)
    {
        ref long state = ref _table.Find(id);
        return Unsafe.IsNullRef(ref state) ? null : state;
    }

    private long? Expected(SagaId id) => _dictionary.TryGetValue(id, out long state) ? state : null;

    private int LongestRunOfUsedSlots()
    {
        int longest = 0;
        int run = 0;
        foreach (uint slot in Slots(_table))
        {
            run = slot == 0 ? 0 : run + 1;
            longest = Math.Max(longest, run);
        }

        return longest;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_slots")]
    private static extern ref uint[] Slots(SagaTable<long> table);

    private void HoldsTheSame(SagaId[] ids)
    {
        Candidate[] listed = [.. ids.Select(id => new Candidate(id, "provision", AdoptGeneration.Initial))];
        int[] numbers = new int[listed.Length];
        _table.FindAll(listed, numbers);

        numbers.Select(number => number == SagaTable<long>.None ? (long?)null : _table.At(number)).Should().Equal(ids.Select(Expected));
        ids.Select(Read).Should().Equal(ids.Select(Expected));
        Enumerable.Range(0, _table.Count).ToDictionary(_table.IdAt, number => _table.At(number)).Should().Equal(_dictionary);
    }
}
