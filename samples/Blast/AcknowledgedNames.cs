namespace Blast;

/// <summary>A file with the names of the projects that the control plane has acknowledged.</summary>
/// <remarks>A name is written before its client sends the next request. Thread-safe.</remarks>
internal sealed class AcknowledgedNames : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter? _file;

    private AcknowledgedNames(StreamWriter? file) => _file = file;

    public static AcknowledgedNames Open(FileInfo? file) => new(file is null ? null : new StreamWriter(file.FullName, append: true) { AutoFlush = true });

    public void Add(string name)
    {
        lock (_lock)
        {
            _file?.WriteLine(name);
        }
    }

    public ValueTask DisposeAsync() => _file?.DisposeAsync() ?? ValueTask.CompletedTask;
}
