using System.Runtime.CompilerServices;

namespace SagaRecovery.Bookkeeping;

/// <summary>A hash table of structs by saga id. It finds the sagas of a long listing faster than a dictionary.</summary>
/// <typeparam name="T">The state of one saga. It is changed in place.</typeparam>
/// <remarks>
/// <para>
/// The entries are dense: each has a number from 0 to <see cref="Count"/>, in the order of their addition, and the last entry fills the place of a
/// removed one. An index with open addressing finds them. Its slots have four bytes each: the number of an entry plus one in the low bits, and the
/// rest of the hash in the high ones. So the index of a million sagas takes 8 MB, and nearly each look-up reads no entry but the right one.
/// </para>
/// <para>
/// A million entries exceed every cache, and a look-up waits for memory. <see cref="FindAll"/> makes the waits of many look-ups overlap. The
/// entries are in blocks, so growth copies the index only and reserves little. Not thread-safe.
/// </para>
/// </remarks>
internal sealed class SagaTable<T>
    where T : struct
{
    /// <summary>The number that stands for a saga that is not in the table.</summary>
    public const int None = -1;

    private const int BlockSize = 512;

    private Entry[][] _blocks = []; // the last ones may be null
    private uint[] _slots = new uint[16]; // 0: free. A power of two, at most half of them in use

    public int Count { get; private set; }

    /// <summary>The bits of a hash that determine its slot, and the bits of a slot that hold a number.</summary>
    private uint Mask => (uint)_slots.Length - 1;

    /// <summary>Returns a reference to the state of the entry with a number below <see cref="Count"/>. It is valid until the next addition or removal.</summary>
    public ref T At(int number) => ref EntryAt(number).State;

    /// <summary>Returns the id of the entry with a number below <see cref="Count"/>.</summary>
    public SagaId IdAt(int number) => EntryAt(number).Id;

    /// <summary>Returns a reference to the state of a saga, or a null reference. It is valid until the next addition or removal.</summary>
    public ref T Find(SagaId sagaId)
    {
        int number = NumberIn(SlotOf(sagaId));
        return ref number == None ? ref Unsafe.NullRef<T>() : ref At(number);
    }

    /// <summary>Finds the numbers of many sagas, and reads their entries into the cache.</summary>
    /// <param name="listed">The sagas. Some dozens are best: all their entries must fit into the cache.</param>
    /// <param name="numbers">The destination; <see cref="None"/> for a saga that is not in the table.</param>
    /// <remarks>The processor executes the short loops far ahead, so that it waits for many slots, and then for many entries, at once.</remarks>
    public void FindAll(ReadOnlySpan<Candidate> listed, Span<int> numbers)
    {
        for (int i = 0; i < listed.Length; i++)
        {
            numbers[i] = NumberIn(LikelySlotOf(listed[i].SagaId));
        }

        int read = 0;
        for (int i = 0; i < listed.Length; i++)
        {
            if (numbers[i] == None)
            {
                continue;
            }

            ref Entry entry = ref EntryAt(numbers[i]);
            read += ReadRest(ref entry); // the caller needs all of it next
            if (entry.Id != listed[i].SagaId)
            {
                numbers[i] = NumberIn(SlotOf(listed[i].SagaId)); // another saga with nearly the same hash
            }
        }

        Use(read);
    }

    /// <summary>Returns a reference to the state of a saga, which is added if necessary. It is valid until the next addition or removal.</summary>
    public ref T GetOrAdd(SagaId sagaId, out bool known)
    {
        int number = NumberIn(SlotOf(sagaId));
        known = number != None;
        return ref At(known ? number : Add(sagaId));
    }

    /// <summary>Removes a saga. The last entry takes its number.</summary>
    /// <returns>True if the saga was in the table.</returns>
    public bool Remove(SagaId sagaId)
    {
        uint slot = SlotOf(sagaId);
        int number = NumberIn(slot);
        if (number == None)
        {
            return false;
        }

        Free(slot);
        Count--;
        if (number < Count)
        {
            Entry last = EntryAt(Count);
            uint slotOfLast = SlotOf(last.Id);
            EntryAt(number) = last;
            _slots[slotOfLast] = SlotFor(HashOf(last.Id), number);
        }

        EntryAt(Count) = default;
        return true;
    }

    /// <summary>Returns a hash whose bits all depend on all bits of the id's own, as the slots need it (the finalizer of MurmurHash3).</summary>
    private static uint HashOf(SagaId sagaId)
    {
        uint hash = (uint)sagaId.Value.GetHashCode();
        hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
        hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
        return hash ^ (hash >> 16);
    }

    private uint SlotFor(uint hash, int number) => (hash & ~Mask) | (uint)(number + 1);

    private int NumberIn(uint slot) => (int)(_slots[slot] & Mask) - 1;

    private ref Entry EntryAt(int number) => ref _blocks[(uint)number / BlockSize][(uint)number % BlockSize]; // unsigned: a shift and a mask

    /// <summary>Returns the slot of a saga, or a free slot if the saga is not in the table.</summary>
    private uint SlotOf(SagaId sagaId)
    {
        uint hash = HashOf(sagaId);
        uint slot = LikelySlot(hash, hash & Mask);
        while (_slots[slot] != 0 && EntryAt(NumberIn(slot)).Id != sagaId)
        {
            slot = LikelySlot(hash, (slot + 1) & Mask);
        }

        return slot;
    }

    private uint LikelySlotOf(SagaId sagaId)
    {
        uint hash = HashOf(sagaId);
        return LikelySlot(hash, hash & Mask);
    }

    /// <summary>Returns the first slot with the same rest of the hash, which nearly always belongs to the same saga, or a free slot if there is none.</summary>
    private uint LikelySlot(uint hash, uint from)
    {
        uint[] slots = _slots;
        uint mask = (uint)slots.Length - 1;
        uint slot = from;
        while (slots[slot] != 0 && ((slots[slot] ^ hash) & ~mask) != 0)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    /// <summary>Reads the cache lines of an entry of up to 128 bytes after its first one.</summary>
    private static int ReadRest(ref Entry entry)
    {
        ref byte first = ref Unsafe.As<Entry, byte>(ref entry);
        return Unsafe.Add(ref first, (Unsafe.SizeOf<Entry>() - 1) / 2) + Unsafe.Add(ref first, Unsafe.SizeOf<Entry>() - 1);
    }

    /// <summary>Takes the result of reads that the compiler would omit if nothing took it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(int read)
    {
    }

    private int Add(SagaId sagaId)
    {
        if (Count == _slots.Length / 2)
        {
            Grow();
        }

        if (Count % BlockSize == 0)
        {
            AddBlock(Count / BlockSize);
        }

        EntryAt(Count).Id = sagaId;
        Insert(sagaId, Count);
        return Count++;
    }

    private void AddBlock(int number)
    {
        if (number == _blocks.Length)
        {
            Array.Resize(ref _blocks, Math.Max(4, 2 * number));
        }

        _blocks[number] ??= new Entry[BlockSize];
    }

    private void Grow()
    {
        _slots = new uint[_slots.Length * 2];
        for (int number = 0; number < Count; number++)
        {
            Insert(IdAt(number), number);
        }
    }

    private void Insert(SagaId sagaId, int number)
    {
        uint hash = HashOf(sagaId);
        uint slot = hash & Mask;
        while (_slots[slot] != 0)
        {
            slot = (slot + 1) & Mask;
        }

        _slots[slot] = SlotFor(hash, number);
    }

    /// <summary>Frees a slot, and closes the gap: a search ends at a free slot, so none may be between the first slot of a hash and its own.</summary>
    private void Free(uint gap)
    {
        for (uint slot = (gap + 1) & Mask; _slots[slot] != 0; slot = (slot + 1) & Mask)
        {
            uint first = HashOf(IdAt(NumberIn(slot))) & Mask;
            if (((slot - first) & Mask) >= ((slot - gap) & Mask))
            {
                _slots[gap] = _slots[slot];
                gap = slot;
            }
        }

        _slots[gap] = 0;
    }

    private struct Entry
    {
        public SagaId Id;
        public T State;
    }
}
