namespace SagaRecovery.Benchmarks.Reports;

/// <summary>A figure to reach, and the measured one.</summary>
/// <param name="What">The measured quantity.</param>
/// <param name="Measured">The measured value.</param>
/// <param name="Limit">The figure to reach.</param>
/// <param name="IsUpper">True if less is better.</param>
/// <param name="Unit">The unit of both.</param>
internal sealed record Goal(string What, double Measured, double Limit, bool IsUpper, string Unit)
{
    public bool IsReached => IsUpper ? Measured <= Limit : Measured >= Limit;

    public static Goal AtMost(string what, double measured, double limit, string unit) => new(what, measured, limit, IsUpper: true, unit);

    public static Goal AtLeast(string what, double measured, double limit, string unit) => new(what, measured, limit, IsUpper: false, unit);
}
