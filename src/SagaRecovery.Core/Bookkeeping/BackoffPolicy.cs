using System.Buffers.Binary;

namespace SagaRecovery.Bookkeeping;

/// <summary>
/// When a saga whose hand-over failed is tried again: the delay doubles from <paramref name="First"/> to <paramref name="Longest"/>,
/// less up to half of it as jitter. The jitter depends on the saga and the number of failures alone, so that sagas that failed together
/// come back apart and the same input always gives the same decision.
/// </summary>
/// <param name="First">The delay after the first failure. Default 1 s.</param>
/// <param name="Longest">The delay that is never exceeded. Default 10 min.</param>
public sealed record BackoffPolicy(TimeSpan First, TimeSpan Longest)
{
    /// <summary>1 s, doubling to 10 min.</summary>
    public static BackoffPolicy Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));

    /// <summary>When to try <paramref name="sagaId"/> next, after <paramref name="failures"/> failures in a row, the last one now.</summary>
    public DateTimeOffset NextTry(SagaId sagaId, int failures, DateTimeOffset now) => now + Delay(sagaId, failures);

    internal TimeSpan Delay(SagaId sagaId, int failures)
    {
        TimeSpan full = Doubled(failures);
        return full - (full * 0.5 * Fraction(sagaId, failures));
    }

    private TimeSpan Doubled(int failures) =>
        TimeSpan.FromTicks((long)Math.Min(First.Ticks * Math.Pow(2, failures - 1), Longest.Ticks));

    /// <summary>A number in [0, 1), spread evenly: Fibonacci hashing of the id's random half and the number of failures.</summary>
    private static double Fraction(SagaId sagaId, int failures)
    {
        Span<byte> bytes = stackalloc byte[16];
        sagaId.Value.TryWriteBytes(bytes);
        ulong mixed = (BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) + (ulong)failures) * 0x9E3779B97F4A7C15;
        return (mixed >> 11) * (1.0 / (1UL << 53));
    }
}
