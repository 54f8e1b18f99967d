// What is generated from the link's protocol, in the few shapes that are needed here.
#ifndef MT5BRIDGE_WIRE_MQH
#define MT5BRIDGE_WIRE_MQH

ProtoWriter writer;

void written(uchar &bytes[])
  {
   ArrayResize(bytes, writer.size);
   if(writer.size > 0) ArrayCopy(bytes, writer.bytes, 0, 0, writer.size);
  }

void encodeRequest(const LinkConnectRequest &request, uchar &bytes[])
  {
   writer.Reset();
   request.Encode(writer);
   written(bytes);
  }

void encodeResult(const LinkCommandResult &result, uchar &bytes[])
  {
   writer.Reset();
   result.Encode(writer);
   written(bytes);
  }

void encodeSymbol(const LinkSymbol &symbol, uchar &bytes[])
  {
   writer.Reset();
   symbol.Encode(writer);
   written(bytes);
  }

bool decodeResponse(const uchar &bytes[], LinkConnectResponse &response)
  {
   string why;
   return response.Decode(bytes, 0, ArraySize(bytes), why);
  }

bool decodeResult(const uchar &bytes[], LinkCommandResult &result)
  {
   string why;
   return result.Decode(bytes, 0, ArraySize(bytes), why);
  }

#endif
