namespace SagaRecovery.Benchmarks.Reports;

/// <summary>A library that is compared, with certain settings.</summary>
/// <param name="Name">The name of the library and its settings.</param>
/// <param name="IsTuned">True if its settings follow its own documentation for speed; false if it has its defaults.</param>
/// <param name="Version">The version of its package.</param>
/// <param name="Settings">The settings other than defaults.</param>
/// <param name="Guarantees">Its guarantees after a crash.</param>
internal sealed record PeerDescription(string Name, bool IsTuned, string Version, string Settings, string Guarantees);
