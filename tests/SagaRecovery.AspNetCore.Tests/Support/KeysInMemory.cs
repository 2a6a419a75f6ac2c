using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>The keys of sign-ins and antiforgery tokens, which would be left behind in the user's folder otherwise.</summary>
internal sealed class KeysInMemory : IXmlRepository
{
    private readonly List<XElement> _keys = [];

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        lock (_keys)
        {
            return [.. _keys];
        }
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        lock (_keys)
        {
            _keys.Add(element);
        }
    }
}
