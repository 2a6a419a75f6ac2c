using System.Buffers.Binary;

namespace SagaRecovery.Bookkeeping;

/// <summary>The exponential backoff of a saga that failed to resume, or of an unknown definition. Immutable.</summary>
/// <remarks>
/// The delay doubles from <paramref name="First"/> to <paramref name="Longest"/>. Jitter shortens it by up to half. The jitter depends
/// only on the saga and the number of failures: sagas that fail together are retried at different times, and the same input always
/// leads to the same decision.
/// </remarks>
/// <param name="First">The delay after the first failure. Must be positive. Default 1 s.</param>
/// <param name="Longest">The upper limit of the delay. Default 10 min.</param>
public sealed record BackoffPolicy(TimeSpan First, TimeSpan Longest)
{
    /// <summary>The default policy: 1 s, doubling up to 10 min.</summary>
    public static BackoffPolicy Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));

    /// <summary>Returns the time of the next attempt.</summary>
    /// <param name="sagaId">The saga that failed.</param>
    /// <param name="failures">The number of consecutive failures, including the one that just happened. At least 1.</param>
    /// <param name="now">The current time.</param>
    public DateTimeOffset NextTry(SagaId sagaId, int failures, DateTimeOffset now) => now + Delay(sagaId, failures);

    /// <summary>Returns the time of the next attempt for a definition. All of its sagas that fail together are due together.</summary>
    /// <param name="definition">The hash or the name of the definition.</param>
    /// <param name="failures">The number of consecutive failures, including the one that just happened. At least 1.</param>
    /// <param name="now">The current time.</param>
    internal DateTimeOffset NextTry(string definition, int failures, DateTimeOffset now) =>
        now + Delay(definition.Aggregate(0xCBF29CE484222325, (hash, letter) => (hash ^ letter) * 0x100000001B3), failures); // FNV-1a

    internal TimeSpan Delay(SagaId sagaId, int failures)
    {
        Span<byte> bytes = stackalloc byte[16];
        sagaId.Value.TryWriteBytes(bytes);
        return Delay(BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), failures);
    }

    private TimeSpan Delay(ulong seed, int failures)
    {
        TimeSpan delay = WithoutJitter(failures);
        return delay - (delay * 0.5 * Fraction(seed, failures));
    }

    private TimeSpan WithoutJitter(int failures) =>
        TimeSpan.FromTicks((long)Math.Min(First.Ticks * Math.Pow(2, failures - 1), Longest.Ticks));

    /// <summary>Returns an evenly distributed number in [0, 1) by Fibonacci hashing of the seed and the number of failures.</summary>
    /// <param name="seed">The random half of an id, or the hash of a definition.</param>
    /// <param name="failures">The number of failures.</param>
    private static double Fraction(ulong seed, int failures)
    {
        ulong mixed = (seed + (ulong)failures) * 0x9E3779B97F4A7C15;
        return (mixed >> 11) * (1.0 / (1UL << 53));
    }
}
