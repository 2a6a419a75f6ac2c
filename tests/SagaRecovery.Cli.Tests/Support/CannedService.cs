using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>A server that answers every request alike, or never, as a broken or foreign service does.</summary>
internal sealed class CannedService : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<string> _requests = [];
    private readonly Task _answering;

    /// <param name="answer">Status line, headers and body; null: the server never answers.</param>
    public CannedService(string? answer)
    {
        _listener.Start();
        _answering = AnswerAsync(answer);
    }

    public string Url => $"http://{_listener.LocalEndpoint}";

    public IReadOnlyList<string> Requests => _requests;

    public static string Answer(string status, string body, string type = "application/problem+json") =>
        $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _answering;
    }

    private async Task AnswerAsync(string? answer)
    {
        var silent = new List<TcpClient>();
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                if (answer is null)
                {
                    silent.Add(client);
                    continue;
                }

                using (client)
                {
                    byte[] request = new byte[8192];
                    int length = await client.GetStream().ReadAsync(request);
                    _requests.Add(Encoding.UTF8.GetString(request, 0, length));
                    await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(answer));
                }
            }
        }
        catch (Exception ended) when (ended is SocketException or InvalidOperationException) // stopped while it waited, or before
        {
            silent.ForEach(client => client.Dispose());
        }
    }
}
